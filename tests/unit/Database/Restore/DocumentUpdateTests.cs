using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class DocumentUpdateTests
{
    [Theory]
    // mongod's diffs: what is updated keeps its place, what is inserted goes to the end.
    [InlineData("{_id:1,a:1,b:2,c:3}", "{$v:2,diff:{u:{b:5}}}", "{_id:1,a:1,b:5,c:3}")]
    [InlineData("{_id:1,a:1,b:2}", "{$v:2,diff:{d:{a:false},i:{z:1,y:2}}}", "{_id:1,b:2,z:1,y:2}")]
    [InlineData("{_id:1,a:1,b:2}", "{$v:2,diff:{i:{a:7}}}", "{_id:1,b:2,a:7}")]
    [InlineData("{_id:1,a:{b:{c:1,d:2}},e:1}", "{$v:2,diff:{sa:{sb:{u:{c:9}}}}}", "{_id:1,a:{b:{c:9,d:2}},e:1}")]
    [InlineData("{_id:1,a:[1,2,3]}", "{$v:2,diff:{sa:{a:true,u1:9}}}", "{_id:1,a:[1,9,3]}")]
    [InlineData("{_id:1,a:[1,2,3]}", "{$v:2,diff:{sa:{a:true,l:1}}}", "{_id:1,a:[1]}")]
    [InlineData("{_id:1,a:[1]}", "{$v:2,diff:{sa:{a:true,u3:4}}}", "{_id:1,a:[1,null,null,4]}")]
    [InlineData("{_id:1,a:[{b:1},{b:2}]}", "{$v:2,diff:{sa:{a:true,s1:{u:{b:3}}}}}", "{_id:1,a:[{b:1},{b:3}]}")]
    [InlineData("{_id:1,a:[1]}", "{$v:2,diff:{sa:{a:true,l:3}}}", "{_id:1,a:[1,null,null]}")]
    [InlineData("{_id:1,'a.b':1,$c:2}", "{$v:2,diff:{u:{'a.b':3,$c:4}}}", "{_id:1,'a.b':3,$c:4}")]
    [InlineData("{_id:1,u:1,d:2,i:3,s:4}", "{$v:2,diff:{d:{d:false},u:{u:5,i:6}}}", "{_id:1,u:5,i:6,s:4}")]
    // SecantusDB's.
    [InlineData("{_id:1,x:{y:1,z:2}}", "{$v:2,diff:{updatedFields:{'x.y':5,n:1},removedFields:['x.z'],truncatedArrays:[]}}", "{_id:1,x:{y:5},n:1}")]
    [InlineData("{_id:1,a:[1,2,{q:1},4]}", "{$v:2,diff:{updatedFields:{'a.2.q':5,'a.5':9},removedFields:[]}}", "{_id:1,a:[1,2,{q:5},4,null,9]}")]
    [InlineData("{_id:1,x:{y:1}}", "{$v:2,diff:{updatedFields:{'x.10':1},removedFields:[],disambiguatedPaths:{'x.10':['x','10']}}}", "{_id:1,x:{y:1,'10':1}}")]
    [InlineData("{_id:1,'a.b':3}", "{$v:2,diff:{updatedFields:{'a.b':4},removedFields:[]}}", "{_id:1,'a.b':4}")]
    [InlineData("{_id:1,'a.b':3,c:1}", "{$v:2,diff:{updatedFields:{},removedFields:['a.b']}}", "{_id:1,c:1}")]
    [InlineData("{_id:1,x:{'p.q':{r:1}}}", "{$v:2,diff:{updatedFields:{'x.p.q.r':2},removedFields:[]}}", "{_id:1,x:{'p.q':{r:2}}}")]
    [InlineData("{_id:1,n:[[1,2],[3]]}", "{$v:2,diff:{updatedFields:{'n.0.1':7},removedFields:[],truncatedArrays:[{field:'n',newSize:1}]}}", "{_id:1,n:[[1,7]]}")]
    // Old servers'.
    [InlineData("{_id:1,a:1,b:{c:1}}", "{$v:1,$set:{'b.c':2,'b.d.e':3},$unset:{a:true}}", "{_id:1,b:{c:2,d:{e:3}}}")]
    [InlineData("{_id:1,a:[1,2]}", "{$set:{'a.3':9}}", "{_id:1,a:[1,2,null,9]}")]
    [InlineData("{_id:1,a:[1,2]}", "{$v:1,$unset:{'a.0':true}}", "{_id:1,a:[null,2]}")]
    // A whole document, which may have fields that look like a delta's.
    [InlineData("{_id:1,a:1}", "{_id:1,$v:2,diff:{u:{a:3}}}", "{_id:1,$v:2,diff:{u:{a:3}}}")]
    public void Updates_give_the_document_that_the_server_had_field_order_included(string before, string update, string after)
    {
        Assert.Null(DocumentUpdate.WhyUnknown(CreateBson(update)));
        var subject = new DocumentUpdate();

        var result = subject.Apply(CreateBson(before), CreateBson(update));

        Assert.Equal(CreateText(CreateBson(after)), CreateText(result.ToArray()));
        Assert.Equal(0, subject.Misfits);
    }

    [Theory]
    [InlineData("{_id:1}", "{$v:2,diff:{sa:{u:{b:1}}}}", "{_id:1}")]
    [InlineData("{_id:1,a:5}", "{$v:2,diff:{sa:{u:{b:1}}}}", "{_id:1,a:null}")]
    [InlineData("{_id:1,a:{b:1}}", "{$v:2,diff:{sa:{a:true,u0:1}}}", "{_id:1,a:null}")]
    [InlineData("{_id:1}", "{$v:2,diff:{d:{a:false}}}", "{_id:1}")]
    [InlineData("{_id:1}", "{$v:2,diff:{u:{a:1}}}", "{_id:1,a:1}")]
    [InlineData("{_id:1,x:5}", "{$v:2,diff:{updatedFields:{'x.y':1},removedFields:['z']}}", "{_id:1,x:5}")]
    [InlineData("{_id:1}", "{$v:2,diff:{updatedFields:{'x.y':1},removedFields:[]}}", "{_id:1}")]
    [InlineData("{_id:1,a:3}", "{$v:1,$set:{'a.b':1}}", "{_id:1,a:3}")]
    public void A_path_that_no_longer_fits_is_counted_and_breaks_nothing(string before, string update, string after)
    {
        var subject = new DocumentUpdate();

        var result = subject.Apply(CreateBson(before), CreateBson(update));

        Assert.Equal(CreateText(CreateBson(after)), CreateText(result.ToArray()));
        Assert.True(subject.Misfits > 0);
    }

    [Theory]
    [InlineData("{$v:3,diff:{}}")]
    [InlineData("{$v:2,diff:{b:{x:1}}}")]
    [InlineData("{$v:2,diff:{sa:{a:true,b:1}}}")]
    [InlineData("{$v:2,diff:{sa:{sb:{q:{}}}}}")]
    [InlineData("{$v:2,diff:{sa:5}}")]
    [InlineData("{$v:2,other:{}}")]
    [InlineData("{$v:2,diff:{updatedFields:{},removedFields:[],renamedFields:{}}}")]
    [InlineData("{$v:1,$inc:{a:1}}")]
    [InlineData("{$v:1,$set:{a:1},$inc:{a:1}}")]
    public void An_unknown_kind_of_update_is_named_before_anything_is_changed(string update) =>
        Assert.NotNull(DocumentUpdate.WhyUnknown(CreateBson(update)));

    [Fact]
    public void What_a_driver_has_no_value_for_survives_an_update()
    {
        // A DBPointer (0x0C), a string that is no UTF-8, and a field that is there twice.
        byte[] pointer = [0x0C, (byte)'p', 0, 2, 0, 0, 0, (byte)'x', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        byte[] text = [0x02, (byte)'t', 0, 3, 0, 0, 0, 0xC3, 0x28, 0];
        byte[] twice = [0x10, (byte)'d', 0, 1, 0, 0, 0, 0x10, (byte)'d', 0, 2, 0, 0, 0];
        byte[] counter = [0x10, (byte)'n', 0, 1, 0, 0, 0];
        byte[] counted = [0x10, (byte)'n', 0, 2, 0, 0, 0];
        var before = CreateRaw([.. pointer, .. text, .. twice, .. counter]);

        var after = new DocumentUpdate().Apply(before, CreateBson("{$v:2,diff:{u:{n:2}}}"));

        Assert.Equal(CreateRaw([.. pointer, .. text, .. twice, .. counted]), after.ToArray());
    }

    private static byte[] CreateRaw(byte[] elements) => [.. BitConverter.GetBytes(elements.Length + 5), .. elements, 0];

    private static byte[] CreateBson(string json) => BsonDocument.Parse(json).ToBson();

    private static string CreateText(byte[] bson) =>
        new RawBsonDocument(bson).ToJson(new JsonWriterSettings { OutputMode = JsonOutputMode.CanonicalExtendedJson });
}
